//! The rules by which attempts at credentials are counted.

use std::time::Duration;

use crate::identity::unscoped::Rule;

const FIFTEEN_MINUTES: Duration = Duration::from_mins(15);

const HOUR: Duration = Duration::from_hours(1);

/// From one network, at any account.
pub(in crate::identity) const NETWORK: Rule = Rule {
    name: "network",
    max: 60,
    window: FIFTEEN_MINUTES,
    slows_down: false,
};

/// At one account, from any network.
pub(in crate::identity) const ACCOUNT: Rule = Rule {
    name: "account",
    max: 100,
    window: HOUR,
    slows_down: false,
};

/// At one account from one network.
pub(in crate::identity) const ACCOUNT_AND_NETWORK: Rule = Rule {
    name: "pair",
    max: 10,
    window: FIFTEEN_MINUTES,
    slows_down: true,
};

/// Requests for mail from one network.
pub(in crate::identity) const MAIL_FROM_NETWORK: Rule = Rule {
    name: "mail-from-network",
    max: 20,
    window: HOUR,
    slows_down: false,
};

/// Requests for mail to one address, from any network.
pub(in crate::identity) const MAIL_TO_ADDRESS: Rule = Rule {
    name: "mail-to-address",
    max: 20,
    window: HOUR,
    slows_down: false,
};

/// Requests for mail to one address from one network, so that one stranger does not use up the requests
/// of the owner.
pub(in crate::identity) const MAIL_PAIR: Rule = Rule {
    name: "mail-pair",
    max: 5,
    window: HOUR,
    slows_down: false,
};

/// New accounts from one network.
pub(in crate::identity) const SIGN_UP: Rule = Rule {
    name: "sign-up",
    max: 20,
    window: HOUR,
    slows_down: false,
};
