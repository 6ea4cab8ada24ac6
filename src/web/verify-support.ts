const INSTEAD = 'check the receipt with the command lethe receipt verify.';

/** Why this browser cannot check a receipt, and what to do instead; undefined when it can. */
export async function missingAbility(): Promise<string | undefined> {
  // Browsers offer WebCrypto only to pages that nobody on the way could have changed.
  if (!window.isSecureContext)
    return `This page can check a receipt only when it was opened with https. Please open it so, or ${INSTEAD}`;
  if (!(await hasEd25519()))
    return `This browser cannot check the signature of a receipt: it lacks Ed25519. Please use a newer one, or ${INSTEAD}`;
  return undefined;
}

async function hasEd25519(): Promise<boolean> {
  try {
    await crypto.subtle.generateKey({ name: 'Ed25519' }, false, ['sign', 'verify']);
    return true;
  } catch {
    return false;
  }
}
