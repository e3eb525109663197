import type { StageProcess } from '@qps/testkit'

export const metricsOf = async (stage: StageProcess): Promise<string> => (await fetch(`${stage.admin}/metrics`)).text()

/** The sum of all samples of a metric whose labels contain this. */
export function sum(metrics: string, name: string, labels = ''): number {
  const lines = metrics.split('\n').filter((line) => line.startsWith(name) && line.includes(labels))
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
