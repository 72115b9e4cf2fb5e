//! Refused by E0603: whose rows a slice may read, its own entities say.

use crate::identity::entity::sessions::Entity as Sessions; //~
use crate::scope::change_log::entity::Entity as ChangeLogs; //~
use crate::identity::entity::users::Entity as Users; //~
