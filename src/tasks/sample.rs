//! Tasks that are made up, to try things at size: some are done, some are due, some say more than
//! their title.

use std::time::Duration;

use fastrand::Rng;
use jiff::{ToSpan, civil};
use uuid::Uuid;

use super::{
    Draft, Due, Placement, Priority,
    description::Description,
    entity::ActiveModel,
    local_date_time::{LocalDate, LocalTime},
    moment::Here,
    placement::ListEdge,
    title::Title,
};
use crate::{
    clock::Timestamp,
    error::{Error, Fault, Result},
    id::{Ids, TaskId},
    identity::{self, TimeZone},
    scope::{Set, Viewer},
};

/// How many are stored before that is told.
const AT_ONCE: usize = 5_000;

/// For how long before now they were made.
const PAST: Duration = Duration::from_hours(365 * 24);

const DEEDS: [&str; 12] = [
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

const THINGS: [&str; 16] = [
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

const REMARKS: [&str; 5] = [
    "",
    " before the weekend",
    " with Ana",
    " once it is warm enough to be outside",
    " for next month",
];

const NOTE: &str = "It need not be perfect. Last time it took longer than anybody had thought, so \
    begin early, and look at what is there already before anything new is bought. ";

/// Stores so many new tasks of the viewer's, and tells after each lot how many it was.
pub(crate) async fn sow(viewer: &Viewer, count: usize, told: impl Fn(usize)) -> Result<()> {
    let home = identity::home(viewer).await?;
    let now = viewer.now();
    let positions =
        lexicon_fractional_index::n_keys_between(&None, &None, count).map_err(Error::bug)?;
    let here = Here {
        now,
        zone: home.rules(),
    };
    let mut sower = Sower {
        // Theirs begin with the time that a task was made at, which is not now.
        ids: Ids::default(),
        // No two people have the same tasks.
        chance: Rng::with_seed(Uuid::from(viewer.user_id()).as_u64_pair().1),
        today: here.wall().map(|wall| wall.date()),
    };
    let made_at = |number: usize| {
        let share = (count - number) as f64 / count as f64;
        now.minus(PAST.mul_f64(share))
    };
    let mut numbers = 0..count;
    for positions in positions.chunks(AT_ONCE) {
        let seqs = viewer.add_tasks(positions.len()).await?.seqs;
        let mut rows = Vec::with_capacity(positions.len());
        for ((position, seq), number) in positions.iter().zip(seqs).zip(&mut numbers) {
            let row = sower.row(viewer, &home, made_at(number));
            let row = row.map_err(|fault| Error::bug(fault.into_message()))?;
            rows.push(ActiveModel {
                seq: Set(seq),
                position: Set(position.clone()),
                ..row
            });
        }
        viewer.insert_all(rows).await?;
        told(positions.len());
    }
    Ok(())
}

struct Sower {
    ids: Ids,
    chance: Rng,
    today: Option<civil::Date>,
}

impl Sower {
    /// A row without its number and position.
    fn row(
        &mut self,
        viewer: &Viewer,
        home: &TimeZone,
        made_at: Timestamp,
    ) -> std::result::Result<ActiveModel, Fault> {
        let priorities = [
            Priority::None,
            Priority::None,
            Priority::Low,
            Priority::Medium,
            Priority::High,
            Priority::Urgent,
        ];
        let draft = Draft {
            id: None,
            title: Title::parse(&self.title())?,
            description: match self.chance.usize(..4) {
                0 => Some(Description::parse(NOTE.repeat(self.chance.usize(1..4)))?),
                _ => None,
            },
            priority: self.one_of(&priorities),
            due: self.due(),
            placement: Placement::Edge(ListEdge::Last),
        };
        let row = draft.into_row(viewer, home);
        let is_done = self.chance.usize(..5) < 2;
        Ok(ActiveModel {
            id: Set(TaskId::new(&self.ids, made_at)),
            completed_at: Set(is_done.then_some(viewer.now())),
            ..row
        })
    }

    fn title(&mut self) -> String {
        let (deed, thing, remark) = (
            self.one_of(&DEEDS),
            self.one_of(&THINGS),
            self.one_of(&REMARKS),
        );
        format!("{deed} {thing}{remark}")
    }

    /// Of five, two are due on a day and one at a time of day.
    fn due(&mut self) -> Option<Due> {
        let kind = self.chance.usize(..5);
        let days = self.chance.i64(-30..60);
        let date = self.today?.checked_add(days.days()).ok()?;
        let hour = self.chance.i8(7..21);
        let time = (kind == 2).then(|| LocalTime(civil::time(hour, 0, 0, 0)));
        (kind <= 2).then_some(Due {
            date: LocalDate(date),
            time,
            zone: None,
        })
    }

    fn one_of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.chance.usize(..some.len())]
    }
}
