//! A reference model: one user's tasks as a vector, and the effect of each operation on it.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan, Zoned, civil, tz::TimeZone};
use serde_json::{Value, json};

use super::list_model::{Asked, shown};

#[derive(Clone, Debug)]
pub(super) enum Operation {
    Create {
        id: usize,
        title: String,
        priority: &'static str,
        due: Option<Due>,
        place: Option<Place>,
    },
    Update {
        id: usize,
        changes: Changes,
        if_version: Option<i32>,
    },
    Complete {
        id: usize,
        completed: bool,
        if_version: Option<i32>,
    },
    Move {
        id: usize,
        place: Place,
        if_version: Option<i32>,
    },
    Delete {
        id: usize,
        if_version: Option<i32>,
    },
    Look {
        id: usize,
    },
    List(Asked),
    MoveTo(&'static str),
    /// A number of minutes by which the clock advances.
    Wait(i64),
}

/// The fields of an update: `None` leaves a field unchanged, `Some(None)` clears it.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    pub(super) title: Option<String>,
    pub(super) description: Option<Option<String>>,
    pub(super) priority: Option<&'static str>,
    pub(super) due: Option<Option<Due>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Due {
    pub(super) date: civil::Date,
    pub(super) time: Option<civil::Time>,
    pub(super) zone: Option<&'static str>,
}

/// A place in the manual order; a number is an index into [`Ids`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    First,
    Last,
    Before(usize),
    After(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Task {
    pub(super) id: usize,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) priority: &'static str,
    pub(super) due: Option<Due>,
    pub(super) completed_at: Option<Timestamp>,
    pub(super) updated_at: Timestamp,
    pub(super) version: i32,
}

impl Due {
    /// Returns the due time in its own time zone or else in `home`; for a day without a time, the
    /// day's last millisecond.
    pub(super) fn at(&self, home: &TimeZone) -> Zoned {
        let zone = self.zone.map_or(home.clone(), zone);
        match self.time {
            Some(time) => self.date.to_datetime(time).to_zoned(zone).unwrap(),
            None => {
                let next = self.date.tomorrow().unwrap().to_zoned(zone).unwrap();
                next.saturating_sub(1.millisecond())
            }
        }
    }

    pub(super) fn input(&self) -> Value {
        let time = self.time.map(|time| time.to_string());
        json!({ "date": self.date.to_string(), "time": time, "timeZone": self.zone })
    }
}

pub(super) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a known time zone")
}

pub(super) fn written(moment: Timestamp) -> String {
    shown(&moment.to_zoned(TimeZone::UTC))
}

impl Task {
    pub(super) fn shown(&self, ids: &Ids, now: &Zoned) -> Value {
        let due = self.due.as_ref().map(|due| {
            let at = shown(&due.at(now.time_zone()));
            let mut shown_due = due.input();
            shown_due["isOverdue"] = json!(self.completed_at.is_none() && at < shown(now));
            shown_due["at"] = json!(at);
            shown_due
        });
        json!({
            "id": ids.texts[self.id],
            "version": self.version,
            "title": self.title,
            "description": self.description,
            "priority": self.priority,
            "completedAt": self.completed_at.map(written),
            "createdAt": ids.made_at,
            "updatedAt": written(self.updated_at),
            "due": due,
        })
    }
}

/// The task ids of all users' operations, all generated at the same time.
pub(super) struct Ids {
    pub(super) texts: Vec<String>,
    pub(super) made_at: String,
}

/// The tasks of one user.
#[derive(Clone, Debug)]
pub(super) struct Owned {
    pub(super) home: &'static str,
    /// The tasks in the manual order.
    pub(super) tasks: Vec<Task>,
    pub(super) deleted: BTreeSet<usize>,
    pub(super) changes: i64,
}

/// The task that an operation returns, and its error code.
pub(super) type Outcome = (Option<Task>, Option<&'static str>);

impl Owned {
    pub(super) fn new() -> Self {
        Self {
            home: "UTC",
            tasks: Vec::new(),
            deleted: BTreeSet::new(),
            changes: 0,
        }
    }

    fn find(&self, id: usize) -> Option<usize> {
        self.tasks.iter().position(|task| task.id == id)
    }

    /// Returns the number of tasks before the place, or `None` if its task does not exist.
    fn place(tasks: &[Task], place: Place) -> Option<usize> {
        let find = |id| tasks.iter().position(|task| task.id == id);
        match place {
            Place::First => Some(0),
            Place::Last => Some(tasks.len()),
            Place::Before(id) => find(id),
            Place::After(id) => find(id).map(|at| at + 1),
        }
    }

    pub(super) fn apply(&mut self, operation: &Operation, now: Timestamp) -> Outcome {
        match operation {
            Operation::Create {
                id,
                title,
                priority,
                due,
                place,
            } => {
                if self.deleted.contains(id) {
                    return (None, Some("ALREADY_EXISTS"));
                }
                if let Some(at) = self.find(*id) {
                    return (Some(self.tasks[at].clone()), None);
                }
                let place = place.unwrap_or(Place::Last);
                let Some(at) = Self::place(&self.tasks, place) else {
                    return (None, Some("NOT_FOUND"));
                };
                let task = Task {
                    id: *id,
                    title: title.clone(),
                    description: None,
                    priority,
                    due: due.clone(),
                    completed_at: None,
                    updated_at: now,
                    version: 1,
                };
                self.tasks.insert(at, task.clone());
                self.changes += 1;
                (Some(task), None)
            }
            Operation::Update {
                id,
                changes,
                if_version,
            } => self.change(*id, *if_version, now, |task| {
                let Changes {
                    title,
                    description,
                    priority,
                    due,
                } = changes.clone();
                task.title = title.unwrap_or(task.title.clone());
                task.description = description.unwrap_or(task.description.clone());
                task.priority = priority.unwrap_or(task.priority);
                task.due = due.unwrap_or(task.due.clone());
            }),
            Operation::Complete {
                id,
                completed,
                if_version,
            } => self.change(*id, *if_version, now, |task| {
                if task.completed_at.is_some() != *completed {
                    task.completed_at = completed.then_some(now);
                }
            }),
            Operation::Move {
                id,
                place,
                if_version,
            } => {
                let from = match self.expect(*id, *if_version) {
                    Ok(at) => at,
                    Err(outcome) => return *outcome,
                };
                let mut others = self.tasks.clone();
                let mut task = others.remove(from);
                let Some(at) = Self::place(&others, *place) else {
                    return (None, Some("NOT_FOUND"));
                };
                if at != from {
                    task.version += 1;
                    task.updated_at = now;
                    self.changes += 1;
                }
                others.insert(at, task.clone());
                self.tasks = others;
                (Some(task), None)
            }
            Operation::Delete { id, if_version } => match self.expect(*id, *if_version) {
                Err(outcome) => (None, outcome.1),
                Ok(at) => {
                    self.tasks.remove(at);
                    self.deleted.insert(*id);
                    self.changes += 1;
                    (None, None)
                }
            },
            Operation::Look { id } => (self.find(*id).map(|at| self.tasks[at].clone()), None),
            Operation::MoveTo(home) => {
                let (old, new) = (zone(self.home), zone(home));
                let dues = self.tasks.iter().filter_map(|task| task.due.as_ref());
                let moved = dues.filter(|due| due.at(&old) != due.at(&new)).count();
                self.changes += i64::try_from(moved).expect("few");
                self.home = home;
                (None, None)
            }
            Operation::List(_) | Operation::Wait(_) => (None, None),
        }
    }

    /// Returns the index of the task, or an error if it does not exist or has another version.
    fn expect(&self, id: usize, if_version: Option<i32>) -> Result<usize, Box<Outcome>> {
        let at = self.find(id).ok_or((None, Some("NOT_FOUND")))?;
        let task = &self.tasks[at];
        if if_version.is_some_and(|version| version != task.version) {
            return Err(Box::new((Some(task.clone()), Some("VERSION_CONFLICT"))));
        }
        Ok(at)
    }

    fn change(
        &mut self,
        id: usize,
        if_version: Option<i32>,
        now: Timestamp,
        change: impl FnOnce(&mut Task),
    ) -> Outcome {
        let at = match self.expect(id, if_version) {
            Ok(at) => at,
            Err(outcome) => return *outcome,
        };
        let before = self.tasks[at].clone();
        let task = &mut self.tasks[at];
        change(task);
        if *task != before {
            task.version += 1;
            task.updated_at = now;
            self.changes += 1;
        }
        (Some(task.clone()), None)
    }

    /// Returns the tasks as a list returns them, with their indexes as positions.
    pub(super) fn shown(&self, ids: &Ids, now: &Zoned) -> Vec<Value> {
        let shown = self.tasks.iter().enumerate().map(|(at, task)| {
            let mut shown = task.shown(ids, now);
            shown["position"] = json!(format!("{at:03}"));
            shown
        });
        shown.collect()
    }
}
