//! Refused by E0603: what the viewer is made of is private to it.

use crate::scope::connection::Connection; //~
use crate::scope::viewer::Inner; //~
