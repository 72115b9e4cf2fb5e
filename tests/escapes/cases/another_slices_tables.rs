//! Refused by E0603: whose rows a slice may read, its own entities say.

use crate::identity::entity::sessions::Entity as Sessions; //~
use crate::identity::entity::task_logs::Entity as TaskLogs; //~
use crate::identity::entity::users::Entity as Users; //~
