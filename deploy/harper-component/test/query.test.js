import assert from 'node:assert/strict';
import test from 'node:test';
import { Refusal, readQuery, refuseStranger } from '../query.js';

const refusal = (status) => (error) => error instanceof Refusal && error.status === status;

test('a request without a range is for the whole store', () => {
	assert.deepEqual(readQuery('?database=shop'), { database: 'shop', from: 0, to: Infinity });
});

test('times keep their fractions of a millisecond', () => {
	assert.deepEqual(readQuery('?database=a%20b&from=1795716205523.0295&to=1.795716205524e12'), { database: 'a b', from: 1795716205523.0295, to: 1795716205524 });
});

test('what is not meant is refused', () => {
	for (const search of ['', '?database=', '?from=1', '?database=a&from=x', '?database=a&from=', '?database=a&to=-1', '?database=a&to=Infinity',
		'?database=a&from=1e999', '?database=a&from=0x10', '?database=a&form=1', '?database=a&from=1&from=2', '?database=a&from=2026-01-01']) {
		assert.throws(() => readQuery(search), refusal(400), search);
	}
});

test('nobody passes but a super_user', () => {
	assert.throws(() => refuseStranger(undefined), refusal(401));
	assert.throws(() => refuseStranger(null), refusal(401));
	for (const user of [{}, { role: {} }, { role: { permission: {} } }, { role: { permission: { super_user: false } } }, { role: { permission: { super_user: 'true' } } }]) {
		assert.throws(() => refuseStranger(user), refusal(403), JSON.stringify(user));
	}
	refuseStranger({ role: { permission: { super_user: true } } });
});
