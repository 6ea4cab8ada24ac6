/** Where the scripts and styles of the page are. */
export const VERIFY_ASSETS_PATH = '/verify-assets';

const WEB = `${VERIFY_ASSETS_PATH}/web`;
/** Texts that are copied from elsewhere: the browser neither corrects nor remembers them. */
const VERBATIM = 'spellcheck="false" autocapitalize="off" autocomplete="off"';

/** The page that checks a receipt; `src/web/verify.ts` does the work. Its keys come newest first. */
export function verifyPage({ vkeys }: { vkeys: readonly string[] }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Check a deletion receipt</title>
<link rel="icon" href="${WEB}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${WEB}/launch.css">
<link rel="stylesheet" href="${WEB}/verify.css">
<script type="module" src="${WEB}/verify.js"></script>
</head>
<body>
<main>
<h1>Check a deletion receipt</h1>
<p>A receipt states that the key of a face template was destroyed, and proves that this statement was entered in a public log. This page checks the proof on your device. Nothing that you enter leaves it.</p>
<p class="notice">This page and the key below come from the operator of the service. To check the operator as well, take the key from somebody else, and check with <code>lethe receipt verify</code> from a copy of your own.</p>
<form id="check" hidden>
${RECEIPT}
${keysField(vkeys)}
${SUBJECT}
${POLICY}
<button type="submit" id="send">Check the receipt</button>
</form>
<noscript><p>This page needs JavaScript to check the receipt in your browser. Please allow it and load the page again, or use <code>lethe receipt verify</code>.</p></noscript>
<p id="state" role="status"></p>
<div id="report" hidden></div>
</main>
</body>
</html>
`;
}

const RECEIPT = `<section id="receipt-field">
<h2>The receipt</h2>
<p id="receipt-hint" class="hint">Choose its file, drop it on this page, or paste it. The answer or the webhook that holds it will do too.</p>
<label for="receipt-file">Receipt from a file</label>
<input type="file" id="receipt-file" aria-describedby="receipt-hint">
<label for="receipt">Receipt as text</label>
<textarea id="receipt" rows="5" required ${VERBATIM} aria-describedby="receipt-hint state"></textarea>
</section>`;

function keysField(vkeys: readonly string[]): string {
  return `<section id="keys-field">
<h2>The key of the log</h2>
<p id="keys-hint" class="hint">Filled in by this service: the operator’s own word. If you have the key from elsewhere, put that one here. One key a line.</p>
<label for="keys">Keys of the log</label>
<textarea id="keys" rows="3" ${VERBATIM} aria-describedby="keys-hint state">
${vkeys.map(escaped).join('\n')}</textarea>
</section>`;
}

const SUBJECT = `<section id="subject-field">
<h2>Whom you expect</h2>
<label for="subject">uuid of the person (optional)</label>
<input type="text" id="subject" maxlength="128" ${VERBATIM} aria-describedby="subject-hint state">
<p id="subject-hint" class="hint">The name under which the person was registered. A receipt of somebody else is then refused.</p>
</section>`;

const POLICY = `<details id="policy-field">
<summary id="policy-summary">Witnesses (optional)</summary>
<p id="policy-hint" class="hint">A policy names witnesses and how many of them must have seen the log. It is a text in the form c2sp.org/tlog-policy. If it names logs, their keys count, and not the keys above.</p>
<label for="policy-file">Policy from a file</label>
<input type="file" id="policy-file" aria-describedby="policy-hint">
<label for="policy">Policy as text</label>
<textarea id="policy" rows="4" ${VERBATIM} aria-describedby="policy-hint state"></textarea>
</details>`;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
