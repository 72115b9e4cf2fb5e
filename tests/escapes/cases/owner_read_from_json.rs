//! Refused by E0277: a row is read from no JSON.

use sea_orm::ActiveModelTrait;

use super::entity::ActiveModel;

fn somebody(row: &mut ActiveModel, json: serde_json::Value) {
    let _ = row.set_from_json(json.clone()); //~
    let _ = ActiveModel::from_json(json); //~
}
