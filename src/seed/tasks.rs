//! Sample tasks: generates and inserts them. Some are completed, some are due, some have a description.

use std::time::Duration;

use fastrand::Rng;
use jiff::{ToSpan, civil};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    error::{Error, FieldError, Result},
    id::{IdGenerator, TaskId},
    identity,
    scope::Viewer,
    tasks::{
        self, Description, Due, Priority, StoredTask, TaskFields, Title,
        local_date_time::{LocalDate, LocalTime},
        moment::LocalNow,
        placement,
    },
};

/// The number of tasks that are inserted at once.
const BATCH_SIZE: usize = 5_000;

/// The age of the oldest sample task.
const MAX_AGE: Duration = Duration::from_hours(365 * 24);

const VERBS: [&str; 12] = [
    "Ask about",
    "Book",
    "Buy",
    "Call about",
    "Check",
    "Clean",
    "Finish",
    "Mend",
    "Pay for",
    "Pick up",
    "Plan",
    "Write about",
];

const OBJECTS: [&str; 16] = [
    "the balcony plants",
    "the bicycle",
    "the birthday cake",
    "the boiler",
    "the concert",
    "the dentist",
    "the garden fence",
    "the insurance",
    "the kitchen shelf",
    "the library books",
    "the night train",
    "the parcel",
    "the school trip",
    "the tax return",
    "the winter tyres",
    "the wedding speech",
];

const SUFFIXES: [&str; 5] = [
    "",
    " before the weekend",
    " with Ana",
    " once it is warm enough to be outside",
    " for next month",
];

const PARAGRAPH: &str = "It need not be perfect. Last time it took longer than planned, so begin early, \
    and check the supplies before buying anything new. ";

/// Inserts `count` tasks of the viewer, and reports the number of tasks of each batch.
pub(super) async fn insert_sample_tasks(
    viewer: &Viewer,
    count: usize,
    on_progress: impl Fn(usize),
) -> Result<()> {
    let time_zone = identity::time_zone(viewer).await?;
    let now = viewer.now();
    let positions = placement::after(&None, count)?;
    let here = LocalNow {
        now,
        zone: time_zone.rules(),
    };
    let mut samples = SampleTasks {
        // A generator of its own, because the ids contain creation times in the past.
        ids: IdGenerator::default(),
        // The seed is the user's id, so that users have different tasks.
        random: Rng::with_seed(Uuid::from(viewer.user_id()).as_u64_pair().1),
        now,
        today: here.wall().map(|wall| wall.date()),
    };
    let created_at = |number: usize| {
        let share = (count - number) as f64 / count as f64;
        now.minus(MAX_AGE.mul_f64(share))
    };
    let mut numbers = 0..count;
    for positions in positions.chunks(BATCH_SIZE) {
        let batch = positions.iter().zip(&mut numbers);
        let batch = batch.map(|(position, number)| {
            let task = samples.task(position.clone(), created_at(number));
            task.map_err(|fault| Error::bug(fault.into_message()))
        });
        let batch = batch.collect::<Result<Vec<_>>>()?;
        tasks::insert_many(viewer, &time_zone, batch).await?;
        on_progress(positions.len());
    }
    Ok(())
}

struct SampleTasks {
    ids: IdGenerator,
    random: Rng,
    now: Timestamp,
    today: Option<civil::Date>,
}

impl SampleTasks {
    fn task(
        &mut self,
        position: String,
        created_at: Timestamp,
    ) -> std::result::Result<StoredTask, FieldError> {
        let priorities = [
            Priority::None,
            Priority::None,
            Priority::Low,
            Priority::Medium,
            Priority::High,
            Priority::Urgent,
        ];
        let title = Title::parse(&self.title())?;
        let fields = TaskFields {
            description: match self.random.usize(..4) {
                0 => Some(Description::parse(
                    PARAGRAPH.repeat(self.random.usize(1..4)),
                )?),
                _ => None,
            },
            priority: self.one_of(&priorities),
            due: self.due(),
            ..TaskFields::new(title)
        };
        let is_completed = self.random.usize(..5) < 2;
        Ok(StoredTask {
            id: TaskId::new(&self.ids, created_at),
            version: 1,
            fields,
            completed_at: is_completed.then_some(self.now),
            position,
            updated_at: self.now,
        })
    }

    fn title(&mut self) -> String {
        let (verb, object, suffix) = (
            self.one_of(&VERBS),
            self.one_of(&OBJECTS),
            self.one_of(&SUFFIXES),
        );
        format!("{verb} {object}{suffix}")
    }

    /// Returns a due date, or `None`: of five tasks, two are due on a day, one at a time of day, and two are
    /// not due.
    fn due(&mut self) -> Option<Due> {
        let kind = self.random.usize(..5);
        let days = self.random.i64(-30..60);
        let date = self.today?.checked_add(days.days()).ok()?;
        let hour = self.random.i8(7..21);
        let time = (kind == 2).then(|| LocalTime(civil::time(hour, 0, 0, 0)));
        (kind <= 2).then_some(Due {
            date: LocalDate(date),
            time,
            zone: None,
        })
    }

    fn one_of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.random.usize(..some.len())]
    }
}
