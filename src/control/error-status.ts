/**
 * Which HTTP status a Fault of a command has: the one table. A Fault that is not here is the server's own and shows as 500.
 */
const statusByCode: Readonly<Record<string, number>> = {
  E_NAME: 400,
  E_PERMISSIONS: 400,
  E_CREDENTIAL: 400,
  E_TOKEN: 401,
  E_SCOPE_UNKNOWN: 404,
  E_ROLE_UNKNOWN: 404,
  E_CREDENTIAL_UNKNOWN: 404,
  E_SCOPE_EXISTS: 409,
  E_ROLE_EXISTS: 409,
  E_MEMBER_UNKNOWN: 404,
  E_MEMBER_SELF: 409,
  E_NOT_PRIMARY: 409,
  E_SINGLE: 409,
  E_BACKUP_UNDER_WAY: 409,
  E_CHANGED_MEANWHILE: 409,
  E_OUTCOME_UNKNOWN: 503,
  E_NOT_READY: 503,
};

export function statusOf(code: string): number | undefined {
  return Object.hasOwn(statusByCode, code) ? statusByCode[code] : undefined;
}
