/** Resolves when the assertions hold; rejects with what they last said after `limitMs`. */
export async function until(assertions: () => void, limitMs = 10_000): Promise<void> {
  const endMs = Date.now() + limitMs;
  for (;;) {
    try {
      assertions();
      return;
    } catch (error) {
      if (Date.now() > endMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
