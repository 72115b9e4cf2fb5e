//! Refused by reading: a handwritten statement lacks the condition on the owner.

use sea_orm::sea_query;

fn built() {
    let _ = sea_query::Query::select();
    let _ = sea_query::SelectStatement::new();
    let _ = sea_query::InsertStatement::new();
    let _ = sea_query::UpdateStatement::new();
    let _ = sea_query::DeleteStatement::new();
    let _ = sea_query::WithClause::new();
    let _ = sea_query::WithQuery::new();
    let _ = sea_query::CommonTableExpression::new();
    let _: sea_query::SubQueryStatement;
    let _: sea_query::QueryStatement;
}
