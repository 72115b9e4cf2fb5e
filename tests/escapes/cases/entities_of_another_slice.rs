//! Refused by E0603: the entities of another slice are private.

use crate::identity::entity::sessions::Entity as Sessions; //~
use crate::scope::change_log::entity::Entity as ChangeLogs; //~
use crate::identity::entity::users::Entity as Users; //~
