import { Session } from 'node:inspector/promises'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Takes a CPU profile of this process while it works, and writes it to `.profiles/` of the working directory.
 * Chrome's DevTools (Performance, load profile), VS Code and Speedscope open it.
 *
 * @param name the file's name without ending.
 * @param seconds how long; default 5.
 * @returns the path of the `.cpuprofile` file.
 */
export async function takeCpuProfile(name: string, seconds: number = 5): Promise<string> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.start')
    await sleep(seconds * 1000)
    const { profile } = await session.post('Profiler.stop')
    const folder = join(process.env['QPS_ROOT'] ?? process.cwd(), '.profiles')
    mkdirSync(folder, { recursive: true })
    const file = join(folder, `${name}-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}.cpuprofile`)
    writeFileSync(file, JSON.stringify(profile))
    return file
  } finally {
    session.disconnect()
  }
}
