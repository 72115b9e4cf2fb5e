//! Refused by reading: the queries that come before the viewer are for identity alone.

use crate::identity::unscoped::session_by_id;
use crate::identity::unscoped::user_by_email;
