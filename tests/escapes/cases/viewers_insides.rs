//! Refused by E0603: what the viewer is made of is private to it.

use crate::auth::viewer::Connection; //~
use crate::auth::viewer::Inner; //~
