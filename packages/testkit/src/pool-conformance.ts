import { describe, expect, test } from 'vitest'
import type { PoolSubject } from './pool/wrong-program.ts'
import { wrongPrograms } from './pool/wrong-programs.ts'

/**
 * What a pool owes to programs that use it wrongly, each of them a test: development finds every mistake and says where the
 * lease was acquired; of production it is said which it finds, and what the others do.
 *
 * @param name what is tested, for the report.
 * @param subject makes the pools.
 */
export function poolConformance(name: string, subject: PoolSubject): void {
  describe(`${name} in development`, () => {
    test.each(wrongPrograms)('finds $mistake', async ({ run, development }) => {
      const errors = await errorsOf(() => run({ subject, mode: 'development' }))
      expect(errors.map(nameOf)).toContain(development)
      const found = errors.find((error) => nameOf(error) === development) as Error
      if (development.startsWith('QPS_')) expect(found.message).toMatch(/acquired at .*wrong-programs\.\w+:\d+:\d+/)
    })
  })

  describe(`${name} in production`, () => {
    const [noticed, unnoticed] = [true, false].map((is) =>
      wrongPrograms.filter((each) => 'error' in each.production === is),
    )
    test.each(noticed!)('still finds $mistake', async ({ run, production }) => {
      const errors = await errorsOf(() => run({ subject, mode: 'production' }))
      expect({ error: errors.map(nameOf)[0] }).toEqual(production)
    })

    test.each(unnoticed!)('does not find $mistake', async ({ run, production }) => {
      expect({ harm: await run({ subject, mode: 'production' }) }).toEqual(production)
    })
  })
}

/** Everything that was thrown: at the end of a `using` block several errors may come together. */
async function errorsOf(run: () => unknown): Promise<unknown[]> {
  try {
    await run()
    return []
  } catch (error) {
    return flat(error)
  }
}

function flat(error: unknown): unknown[] {
  return error instanceof SuppressedError ? [...flat(error.suppressed), ...flat(error.error)] : [error]
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? String(error.code) : error.name
}
