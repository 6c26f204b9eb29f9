// Section 4 of BEHAVIOUR.md as a table. Nothing here needs Node but its test runner.
import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, retryAfter, seconds, skewOf, windows } from "../dist/core/schedule.js";

const TABLE = [
  // lifetime, refresh_in, u, lone → renewAt, usableUntil, endsAt (seconds after sending)
  [600, undefined, 0, false, 540, 595, 600],
  [600, undefined, 0.5, false, 510, 595, 600],
  [600, undefined, 0.99, false, 480.6, 595, 600],
  [86_400, undefined, 0, false, 86_250, 86_395, 86_400],
  [86_400, undefined, 0.5, false, 86_175, 86_395, 86_400],
  [1_500, undefined, 0, false, 1_350, 1_495, 1_500],
  [12, undefined, 0, false, 10.8, 11.4, 12],
  [1, undefined, 0, false, 0.9, 0.95, 1],
  [100, undefined, 0, false, 90, 95, 100],
  [600, 100, 0, false, 100, 595, 600],
  [600, 100, 0.5, false, 115, 595, 600],
  [600, 570, 0.5, false, 571.5, 595, 600],
  [600, 600, 0, false, 540, 595, 600],
  [600, 700, 0, false, 540, 595, 600],
  [600, undefined, 0.5, true, undefined, 600, 600],
  [600, 100, 0.5, true, undefined, 600, 600],
  [undefined, undefined, 0.5, false, undefined, undefined, undefined],
  [undefined, 100, 0.5, false, undefined, undefined, undefined],
];

for (const [lifetime, refreshIn, u, lone, renewAt, usableUntil, endsAt] of TABLE)
  test(`windows of ${lifetime} s, refresh_in ${refreshIn}, u ${u}${lone ? ", lone" : ""}`, () => {
    const sent = 1_767_603_600_000;
    const found = windows(sent, lifetime, refreshIn, u, lone);
    const after = (time) => (time === undefined ? undefined : Math.round(time - sent) / 1000);
    assert.deepEqual([after(found.renewAt), after(found.usableUntil), after(found.endsAt)], [renewAt, usableUntil, endsAt]);
  });

for (const [given, read] of [
  [600, 600], ["600", 600], [600.9, 600], ["600.9", 600], [" 60 ", 60], [1e300, 315_360_000], ["99999999999999999999", 315_360_000],
  [0, undefined], [0.9, undefined], [-5, undefined], ["-5", undefined], ["soon", undefined], ["", undefined], [null, undefined],
  [undefined, undefined], [true, undefined], [{}, undefined], [NaN, undefined], ["1e3", undefined], ["0x10", undefined],
])
  test(`seconds of ${JSON.stringify(given) ?? "undefined"}`, () => assert.equal(seconds(given), read));

test("backoff doubles from half a second to thirty, and spreads", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7, 50].map((n) => backoff(n, undefined, 0)), [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  assert.equal(backoff(0, undefined, 0.5), 375);
});

test("Retry-After is kept, with up to a second more, and never beyond an hour", () => {
  assert.equal(backoff(0, 3_000, 0), 3_000);
  assert.equal(backoff(0, 3_000, 0.5), 3_500);
  assert.equal(backoff(20, 3_000, 0), 15_000);
  assert.equal(backoff(0, 86_400_000, 0.9), 3_600_000);
});

test("Retry-After as seconds, as a date by the issuer's clock, and as nonsense", () => {
  const now = Date.parse("2026-01-05T09:00:00Z");
  assert.equal(retryAfter("7", now, 0), 7_000);
  assert.equal(retryAfter(" 7 ", now, 0), 7_000);
  assert.equal(retryAfter("Mon, 05 Jan 2026 09:00:20 GMT", now, 0), 20_000);
  assert.equal(retryAfter("Mon, 05 Jan 2026 09:10:20 GMT", now, 600_000), 20_000);
  assert.equal(retryAfter("Mon, 05 Jan 2026 08:00:00 GMT", now, 0), 0);
  assert.equal(retryAfter("99999999999", now, 0), 3_600_000);
  assert.deepEqual(["later", "", null, "-1x"].map((text) => retryAfter(text, now, 0)), [undefined, undefined, undefined, undefined]);
});

test("skew is believed within two seconds of round trip", () => {
  const now = Date.parse("2026-01-05T09:00:00Z");
  assert.equal(skewOf("Mon, 05 Jan 2026 09:05:00 GMT", now, now + 1_000), 300_000);
  assert.equal(skewOf("Mon, 05 Jan 2026 09:05:00 GMT", now, now + 2_001), undefined);
  assert.equal(skewOf("Mon, 05 Jan 2026 09:05:00 GMT", now, now - 1), undefined);
  assert.equal(skewOf("yesterday", now, now), undefined);
  assert.equal(skewOf(null, now, now), undefined);
});
