/** SQL for the bytes of a UUID, or of its beginning, in text; NULL when it is none. */
export function uuidBytes(text: string): string {
  return `unhex(replace(${text}, '-', ''))`;
}
