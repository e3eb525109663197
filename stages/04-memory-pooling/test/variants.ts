/** The variants that are for use. */
export const usableVariants: readonly string[] = ['baseline', 'naive', 'compiled', 'pooled', 'zero']

/**
 * For teaching only: it answers items wrongly on purpose, so the suites that hold all others to the right answers, and to the
 * security table, do not run on it. What it does wrong is tested in `unsafe.test.ts`.
 */
export const teachingVariants: readonly string[] = ['unsafe']
