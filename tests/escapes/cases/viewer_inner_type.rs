//! Refused by E0603: the inner type of a viewer is private.

use crate::scope::connection::Connection; //~
use crate::scope::viewer::Inner; //~
