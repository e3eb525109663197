/** A condition of the program's own making does not hold: a bug here, not bad input. Never caught to carry on. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/**
 * Asserts what must be true whatever the input. Stays on in production: its cost is one branch.
 *
 * @throws InvariantError with `message` where `condition` is false.
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}
