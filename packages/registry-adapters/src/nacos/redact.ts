/** What stands where a secret was. */
const MASK = '[redacted]';

/** `name=value` and `"name": "value"`, where the name says that the value is secret. */
const NAMED =
  /(["']?\b(?:password|accessToken|accessKey|secretKey|securityToken|Spas-SecurityToken|signature|ak|authorization)["']?\s*[=:]\s*["']?)(?:Bearer\s+)?[^\s"'&,;}]+/gi;

/** Takes secrets out of a text that is going to be read: what the server said, what an error says. */
export type Redact = (text: string) => string;

/** Masks every value of `secrets`, as it is and URL-encoded, and whatever is named like a secret. */
export function redactor(secrets: () => readonly string[]): Redact {
  return (text) => {
    let clean = text;
    for (const secret of secrets()) {
      if (secret === '') continue;
      clean = clean.replaceAll(secret, MASK).replaceAll(encodeURIComponent(secret), MASK);
    }
    return clean.replace(NAMED, `$1${MASK}`);
  };
}
