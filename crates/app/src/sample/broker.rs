//! What partners read about their accounts. Accounts begin in the authorization server, not here.

use super::account::{number, opened};
use super::answer::{Answer, Reply};
use super::book::{Book, Holder};
use super::calls::Call;
use serde_json::{Value, json};

fn json(holder: &Holder) -> Value {
    json!({
        "id": holder.account,
        "account_number": number(holder),
        "account_type": "trading",
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "kyc_results": null,
        "currency": "USD",
        "last_equity": Book::START,
        "created_at": opened(),
        "enabled_assets": ["us_equity", "crypto"],
        "contact": {
            "email_address": "holder@example.test",
            "phone_number": "555-0100",
            "street_address": ["1 Sample Street"],
            "city": "Sampleton",
            "state": "CA",
            "postal_code": "94401",
            "country": "USA",
        },
        "identity": {
            "given_name": "Sample",
            "family_name": "Holder",
            "date_of_birth": "1990-01-01",
            "country_of_tax_residence": "USA",
            "funding_source": ["employment_income"],
        },
        "disclosures": {
            "is_control_person": false,
            "is_affiliated_exchange_or_finra": false,
            "is_politically_exposed": false,
            "immediate_family_exposed": false,
        },
        "agreements": [],
        "documents": [],
    })
}

/// `GET /v1/accounts`: those that the partner has traded for.
pub(super) fn list(call: &Call, holder: &Holder) -> Reply {
    let accounts = call.brokerage.books().of_partner(holder);
    Ok(Answer::ok(accounts.into_iter().map(|account| json(&Holder { account, ..holder.clone() })).collect()))
}

/// `GET /v1/accounts/{account_id}`
pub(super) fn one(call: &Call, holder: &Holder) -> Reply {
    // From now on it is in the partner's list.
    call.brokerage.books().change(holder, |_| ());
    Ok(Answer::ok(json(holder)))
}

/// `POST /v1/accounts`
pub(super) fn open() -> Reply {
    Err(Answer::invalid("the sample opens no accounts: an administrator of the authorization server does"))
}

/// `PATCH /v1/accounts/{account_id}`
pub(super) fn change() -> Reply {
    Err(Answer::invalid("the sample keeps the holders of its accounts as they are"))
}
