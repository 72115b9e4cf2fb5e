//! Refused by E0603: what the viewer is made of is private to it.

use crate::identity::viewer::Connection; //~
use crate::identity::viewer::Inner; //~
