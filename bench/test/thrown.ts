import { QpsError } from '@qps/core'

/** The QpsError that `act` throws or rejects with; anything else fails the test. */
export async function thrownBy(act: () => unknown): Promise<QpsError> {
  try {
    await act()
  } catch (error) {
    if (error instanceof QpsError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
