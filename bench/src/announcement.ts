/**
 * Where an arm says that it listens, in one line of its standard output: the `listening` event of a stage, or the plain
 * `listening PORT` of a peer. Any other line gives undefined.
 */
export function announcedUrl(line: string): string | undefined {
  const port = /^listening (\d{1,5})$/.exec(line.trim())?.[1]
  if (port !== undefined) return `http://127.0.0.1:${port}/`
  if (!line.startsWith('{')) return undefined
  try {
    const event = JSON.parse(line) as { event?: unknown; url?: unknown }
    return event.event === 'listening' && typeof event.url === 'string' ? new URL(event.url).href : undefined
  } catch {
    return undefined
  }
}
