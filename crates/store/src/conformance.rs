//! What every backend must do, as a list of cases. A backend is done when [`all`] returns.

mod accounts;
mod admin;
mod cache;
mod chains;
mod clients;
mod codes;
mod devices;
mod grants;
mod keys;
mod log;
mod marks;
mod pushed;
mod records;
mod samples;
mod sign_ons;
mod signing;
mod tokens;
mod users;

use crate::{Feed, Store};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A store without content, and the feed that was given to it.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The store under test.
    pub store: Arc<dyn Store>,
    /// Its feed.
    pub feed: Arc<Feed>,
}

type Run = fn(Fixture) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// One requirement. It panics when it is not kept.
#[derive(Clone, Copy)]
pub struct Case {
    /// `subject::what_must_hold`.
    pub name: &'static str,
    run: Run,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Case {
    /// Runs it on an empty store.
    pub async fn run(self, fixture: Fixture) {
        (self.run)(fixture).await;
    }
}

macro_rules! cases {
    ($($subject:ident: $($case:ident),+ $(,)?;)+) => {
        vec![$($(Case {
            name: concat!(stringify!($subject), "::", stringify!($case)),
            run: |fixture| Box::pin(async move { $subject::$case(&fixture).await }),
        }),+),+]
    };
}

/// All cases.
pub fn cases() -> Vec<Case> {
    cases! {
        users: made_once_per_name_and_id, found_by_name_and_id, password_changes_under_its_version_only,
            session_opens_under_the_verified_version_only, sessions_live_until_their_end, last_seen_moves_once_a_minute,
            sign_out_of_one_and_of_all, password_change_races_with_sign_in, platforms_are_apart;
        accounts: made_once_for_a_known_owner, listed_by_owner, switched_off_and_on,
            disabling_kills_for_good;
        keys: made_once_for_a_known_account, two_live_keys_per_environment, limit_holds_under_a_race,
            replaced_with_overlap, revoked_once, reset_names_the_successor_and_kills, partner_keys,
            unknown_and_known_ids_cost_the_same, ids_are_shared_with_clients;
        clients: keep_all_they_were_given, change_field_by_field, disabling_kills_for_good, secrets_rotate;
        grants: one_is_live_per_key, opened_once_under_a_race, widened_and_kept, revoked_by_its_owner_only,
            seen_by_its_owner, client_may_act_for_itself, a_new_one_follows_a_revoked_one;
        codes: redeemed_once, refusals_spend_nothing, one_of_64_is_fresh_and_a_replay_kills,
            replay_by_another_spends_nothing, end_with_their_grant, end_with_their_client_and_account,
            token_keeps_the_older_offset, r14_replay_ends_what_signs_for_itself, r16_marks_are_spent_with_the_code;
        chains: begun_with_a_code, move_on_and_answer_again, move_on_as_seen, r15_repeats_are_kept_for_the_owner, r14_refusals_change_nothing, r14_replay_ends_chain_and_tokens,
            static_ones_stay, r13_move_forward_after_a_restore, end_with_their_grant, ended_by_their_client_only,
            r10_tokens_keep_the_older_offset, r16_marks_are_spent_with_the_step, strict_has_one_winner,
            idempotent_has_one_successor, many_at_once_keep_apart;
        sign_ons: machines_are_kept_as_made, quotas_are_changed, r05_machines_have_no_browser_sessions, counted_over_all_clients,
            sign_ons_that_are_over_do_not_count, r10_the_displaced_end_at_once,
            changes_since_the_password_was_verified_count, passwords_change_with_the_sign_on,
            r16_marks_are_spent_with_the_sign_on, one_of_64_is_on, the_last_of_64_is_on;
        marks: r16_used_once, r16_all_or_none, one_of_64_makes_it;
        devices: are_kept_as_given, decided_once, handed_out_once, polled_too_fast, denied_and_expired,
            end_with_their_grant, r16_marks_are_spent_with_the_poll, one_of_64_is_approved;
        pushed: kept_until_their_end, completed_with_a_code_once, denied, r16_marks_are_spent_with_the_push,
            one_of_64_completes;
        signing: follow_each_other, one_successor_under_a_race, distrust_kills, r02_mac_keys_wait_for_their_chains,
            r02_distrusted_mac_keys_end_their_chains;
        tokens: found_with_all_facts, issued_under_a_known_grant, revoked_by_their_partner_only,
            scopes_are_frozen, many_at_once, handles_are_derived, issued_with_a_chain, issued_without_a_trace, r16_marks_are_spent_with_the_issue,
            failing_member_of_a_batch_fails_alone;
        log: gap_free_in_order, following_is_no_look_up, told_before_the_answer, moved_wakes, kills_are_listed, r10_ends_say_why,
            platforms_apply_in_turn;
        records: decisions_are_found_at_once, decisions_are_dropped_after_retention, use_is_noted,
            audit_is_written_with_the_change, purge_drops_what_waited, purge_brings_no_token_back, operation_is_committed_once, purge_keeps_what_is_live, legacy_uses_add_up;
        admin: first_one_is_made_once, bootstrap_is_spent, ends_and_expires, store_knows_itself, wrapped_keys_are_kept,
            demo_is_stamped_once, real_store_becomes_no_demo;
        cache: r11_forgets_before_the_answer, r11_late_entries_count, r12_trusts_nothing_after_its_lease,
            r10_follows_another_node, r10_kills_are_known, grants_are_remembered, tokens_share_what_is_the_same;
    }
}

/// Runs all cases, each on an empty store of its own.
pub async fn all(make: impl AsyncFn() -> Fixture) {
    for case in cases() {
        eprintln!("conformance: {}", case.name);
        case.run(make().await).await;
    }
}
