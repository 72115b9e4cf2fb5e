//! Refused by sources::words: what a macro puts together is not what is read.

macro_rules! implement {
    ($($part:tt)*) => { $($part)* for Raw {} };
}

implement!(impl sea_orm::sea_query::IdenStatic);
