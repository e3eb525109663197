import { QpsError } from '@qps/core'
import { expect } from 'vitest'

/** The QpsError that this throws. */
export function thrownBy(action: () => unknown): QpsError {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(QpsError)
    return error as QpsError
  }
  throw new Error('nothing was thrown')
}

/** The QpsError that this rejects with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<QpsError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(QpsError)
  return error as QpsError
}
