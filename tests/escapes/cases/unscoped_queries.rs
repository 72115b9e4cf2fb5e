//! Refused by reading: only identity may use unscoped queries.

use crate::identity::unscoped::session_by_id;
use crate::identity::unscoped::user_by_email;
