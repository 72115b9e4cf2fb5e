//! Refused by sources::words: so does an option's.

#[derive(clap::Args)]
struct Options {
    #[arg(default_value_t = sea_orm::sea_query::Expr::cust("1") == true.into())]
    all: bool,
}
