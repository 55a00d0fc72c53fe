/** Lists of 32-bit integers end to end. */
export function joined(parts: readonly Int32Array[]): Int32Array<ArrayBuffer> {
  const whole = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
