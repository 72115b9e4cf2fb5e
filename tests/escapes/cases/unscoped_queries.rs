//! Refused by E0603: the queries that come before the viewer are private to `identity`.

use crate::identity::unscoped::session_by_id; //~
use crate::identity::unscoped::user_by_email; //~
