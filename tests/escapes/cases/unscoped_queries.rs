//! Refused by E0603: the queries that come before the viewer are private to `auth`.

use crate::auth::unscoped::session_by_id; //~
use crate::auth::unscoped::user_by_email; //~
