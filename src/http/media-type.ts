const UTF8_PARAMETER = /^charset=("?)utf-?8\1$/i;

/** Whether a Content-Type header says JSON in UTF-8: no parameter but charset, and no other charset. */
export function isJsonMediaType(header: string | undefined): boolean {
  if (header === undefined) return false;
  const [type = '', ...parameters] = header.split(';').map((part) => part.trim());
  return (
    type.toLowerCase() === 'application/json' &&
    parameters.every((parameter) => parameter === '' || UTF8_PARAMETER.test(parameter))
  );
}

/** Whether a Content-Encoding header leaves the body as it is; compressed bodies are not read. */
export function isIdentityEncoding(header: string | undefined): boolean {
  return header === undefined || header.trim().toLowerCase() === 'identity';
}
