// How scenarios compare: members that are named must be there, others are not looked at.
import assert from "node:assert/strict";
import * as library from "../../dist/node/index.js";

const within = (value, wanted, slack = 1) => {
  const [low, high] = Array.isArray(wanted) ? wanted : [wanted - slack, wanted + slack];
  assert.ok(value >= low && value <= high, `${value} is not within ${low} ... ${high}`);
};

export function expectState(state, wanted, now) {
  const members = { kind: state.kind, reason: state.reason, who_can_act: state.whoCanAct, cause: state.cause };
  for (const [member, value] of Object.entries(wanted)) {
    if (member === "until_in") within((state.until - now) / 1000, value);
    else if (member === "ends_in") within((state.endsAt - now) / 1000, value);
    else if (member in members) assert.equal(members[member], value, `${member} of ${JSON.stringify(state)}`);
    else throw new Error(`unknown member of a state: ${member}`);
  }
}

export function expectError(error, wanted, now) {
  assert.ok(error, "nothing failed");
  const known = library[wanted.kind];
  if (!known) throw new Error(`unknown kind of error ${wanted.kind}`);
  assert.ok(error instanceof known, `${error?.stack ?? error} is not ${wanted.kind}`);
  const members = {
    kind: wanted.kind,
    reason: error.reason,
    cause: error.causeId,
    who_can_act: error.whoCanAct,
    scopes_missing: error.refusal?.scopesMissing,
    scopes_needed: error.refusal?.scopesNeeded,
    scopes_held: error.refusal?.scopesHeld,
  };
  for (const [member, value] of Object.entries(wanted)) {
    if (member === "retry_in") within((error.retryAt - now) / 1000, value);
    else if (member === "text") assert.ok(error.message.includes(value), `${value} is not in: ${error.message}`);
    else if (member in members) assert.deepEqual(members[member], value, `${member}: ${error.message}`);
    else throw new Error(`unknown member of an error: ${member}`);
  }
}

export function expectRefusal(refusal, wanted) {
  assert.ok(refusal, "the last answer was no refusal");
  const members = {
    status: refusal.status,
    cause: refusal.cause,
    title: refusal.title,
    remedy: refusal.remedy,
    who_can_act: refusal.whoCanAct,
    decision_id: refusal.decisionId,
    error_uri: refusal.errorUri,
    retry_after: refusal.retryAfter,
    facts: refusal.facts,
    scopes_needed: refusal.scopesNeeded,
    scopes_held: refusal.scopesHeld,
    scopes_missing: refusal.scopesMissing,
  };
  for (const [member, value] of Object.entries(wanted)) {
    if (!(member in members)) throw new Error(`unknown member of a refusal: ${member}`);
    assert.deepEqual(members[member] ?? null, value, member);
  }
}

function expectMembers(found, wanted, what) {
  for (const [member, value] of Object.entries(wanted)) {
    if (value === "*") assert.ok(found[member] !== undefined, `${what} ${member} is absent`);
    else if (value === null) assert.equal(found[member], undefined, `${what} ${member} is there`);
    else assert.equal(found[member], value, `${what} ${member}`);
  }
}

export function expectRequests(found, wanted) {
  const lines = found.map(({ to, status, cut }) => `${to} ${status}${cut ? " cut" : ""}`).join(", ");
  let at = 0;
  for (const [index, one] of wanted.entries()) {
    const { more, to, count = 1, status, form = {}, headers = {}, cut, ...unknown } = one;
    assert.deepEqual(unknown, {}, "unknown words of a request");
    if (more) {
      assert.equal(index, wanted.length - 1, "more is the last");
      return;
    }
    for (let n = 0; n < count; n++, at++) {
      const request = found[at];
      assert.ok(request, `request ${at + 1} (${to}) was not made: ${lines}`);
      assert.equal(request.to, to, `request ${at + 1}: ${lines}`);
      if (status !== undefined) assert.equal(request.status, status, `status of request ${at + 1}: ${lines}`);
      if (cut !== undefined) assert.equal(request.cut, cut, `request ${at + 1} cut: ${lines}`);
      expectMembers(request.form, form, `form of request ${at + 1}:`);
      expectMembers(request.headers, headers, `headers of request ${at + 1}:`);
    }
  }
  assert.equal(found.length, at, `more requests than expected: ${lines}`);
}
