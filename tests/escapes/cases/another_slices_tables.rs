//! Refused by E0603: whose rows a slice may read, its own entities say.

use crate::auth::entity::sessions::Entity as Sessions; //~
use crate::auth::entity::task_logs::Entity as TaskLogs; //~
use crate::auth::entity::users::Entity as Users; //~
