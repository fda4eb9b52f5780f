import assert from 'node:assert/strict';
import test from 'node:test';
import { hidden } from '../secrets.js';

const salted = 'a1b2c3d4e5f6a7b8c9' + 'f'.repeat(46);

test('a password hash leaves what tells it from another', () => {
	const one = hidden('hdb_user', 'password', salted), other = hidden('hdb_user', 'password', salted + '0');
	assert.match(one, /^\[redacted [0-9a-f]{8}\]$/);
	assert.notEqual(one, other);
	assert.equal(hidden('hdb_user', 'password', salted), one);
});

test('other secrets leave nothing', () => {
	assert.equal(hidden('hdb_user', 'password', 'short'), '[redacted]');
	assert.equal(hidden('hdb_job', 'password', salted), '[redacted]');
	assert.equal(hidden('hdb_user', 'refresh_token', { any: 'thing' }), '[redacted]');
	assert.equal(hidden('hdb_job', 'aws_secret_access_key', 'k'), '[redacted]');
	assert.equal(hidden('hdb_certificate', 'key', '-----BEGIN RSA PRIVATE KEY-----\nMII'), '[redacted]');
	assert.equal(hidden('hdb_certificate', 'key', Buffer.from('-----BEGIN PRIVATE KEY-----\nMII')), '[redacted]');
});

test('what is no secret stays, and so does the lack of one', () => {
	assert.equal(hidden('hdb_user', 'username', 'ada'), undefined);
	assert.equal(hidden('hdb_user', 'password', null), undefined);
	assert.equal(hidden('hdb_certificate', 'certificate', '-----BEGIN CERTIFICATE-----'), undefined);
});
