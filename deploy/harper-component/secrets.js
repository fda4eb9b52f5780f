// Secrets of Harper's own database `system`: nobody who looks into an audit log
// needs them, and what is not sent cannot leak.
import { createHash } from 'node:crypto';

// The attributes that hold secrets: password hashes and refresh tokens in
// hdb_user, which hdb_job copies into the request that it keeps, and the keys of
// the storage that an export goes to.
const NAMES = new Set([
	'password', 'refresh_token', 'operation_token', 'hash', 'private_key',
	'aws_secret_access_key', 'passphrase', 'token', 'authorization',
]);
const PRIVATE_KEY = 'PRIVATE KEY-----';

// A salted password hash, salt and digest in one text, is at least this long.
const SALTED_HASH = 40;

// hidden returns what is sent in place of a value of a system table, or
// undefined where the value is no secret. Of a salted hash, 32 bits of a digest
// stay, so that a change of password is seen as one; whoever would try passwords
// against them lacks the salt.
export function hidden(table, name, value) {
	if (value === null || value === undefined) return undefined;
	if (NAMES.has(name)) {
		if (table === 'hdb_user' && typeof value === 'string' && Buffer.byteLength(value) >= SALTED_HASH) {
			return `[redacted ${createHash('sha256').update(value).digest('hex').slice(0, 8)}]`;
		}
		return '[redacted]';
	}
	if (typeof value === 'string' && value.includes(PRIVATE_KEY)) return '[redacted]';
	if (ArrayBuffer.isView(value) && Buffer.from(value.buffer, value.byteOffset, value.byteLength).includes(PRIVATE_KEY)) return '[redacted]';
	return undefined;
}
