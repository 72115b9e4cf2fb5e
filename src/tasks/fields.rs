//! The fields of a task that its owner edits: one list for creating, updating, importing, exporting and sample tasks.

use super::{
    description::Description,
    due::Due,
    entity::{ActiveModel, Model},
    priority::Priority,
    title::Title,
};
use crate::{error::Result, identity::TimeZone, scope::Set};

/// The fields of a task that its owner edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskFields {
    pub(crate) title: Title,
    pub(crate) description: Option<Description>,
    pub(crate) priority: Priority,
    pub(crate) due: Option<Due>,
}

impl TaskFields {
    /// The fields of a task that has a title and nothing else.
    pub(crate) fn new(title: Title) -> Self {
        Self {
            title,
            description: None,
            priority: Priority::None,
            due: None,
        }
    }

    /// The fields of a stored task, with another due date if one is given.
    ///
    /// # Errors
    /// Fails if the stored due date is needed and cannot be read.
    pub(super) fn of(task: &Model, due: Option<Option<Due>>) -> Result<Self> {
        Ok(Self {
            title: Title::from_stored(task.title.clone()),
            description: task.description.clone().map(Description::from_stored),
            priority: task.priority,
            due: match due {
                Some(due) => due,
                None => Due::of(task)?,
            },
        })
    }

    /// Sets the columns of a row that differ from the fields, for a user in this time zone.
    pub(super) fn write(self, home: &TimeZone, row: &mut ActiveModel) {
        row.title.set_if_not_equals(self.title.as_str().to_owned());
        if row.title.is_set() {
            row.title_folded = Set(self.title.folded());
        }
        let description = self.description.map(Description::into_string);
        row.description.set_if_not_equals(description);
        row.priority.set_if_not_equals(self.priority);
        Due::write(self.due.as_ref(), home, row);
    }
}
