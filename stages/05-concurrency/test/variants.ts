export const folder = '05-concurrency'

export const variants: readonly string[] = ['baseline', 'context', 'shared-map', 'worker-pool']
