// `npm run docs:build`: checks what the site is made from, builds it, and reads the log, because VitePress ends with 0
// after some errors (a page list that cannot be loaded, a page that cannot be indexed).

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pinned = join(root, 'node_modules', '.bin', 'node')
const node = existsSync(pinned) ? pinned : process.execPath
const output = join(root, 'docs', '.vitepress', 'dist')

/** Lines of a build's log that mean that a page is wrong or missing. */
const faulty = /\berror\b|dead link|\bfailed\b|\binvalid\b|\bmissing\b|\[vue warn\]|could not/i

function fail(line) {
  console.error(line)
  process.exit(1)
}

/** Runs a program, passes its output on as it comes, and returns it. */
async function logged(argv) {
  const child = spawn(node, argv, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text) => {
      log += text
      process.stderr.write(text)
    })
  }
  const status = await new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)))
  return { status, log }
}

const { status: checked } = spawnSync(node, ['docs/data/validate.ts'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
})
if (checked !== 0) fail('docs: not built; mend what stands above and type the command again')

// What is counted at the end was built now.
rmSync(output, { recursive: true, force: true })
const { status, log } = await logged(['node_modules/vitepress/bin/vitepress.js', 'build', 'docs'])
const lines = stripVTControlCharacters(log).split('\n')
const faults = [...new Set(lines.filter((line) => faulty.test(line) && !/^\s+at /.test(line)))]
if (status !== 0 || faults.length > 0) {
  for (const line of faults) console.error(`docs: ${line.trim()}`)
  fail(`docs: the site is not right (VitePress ended with ${status}, ${faults.length} faulty lines in its log)`)
}

const pages = readdirSync(output, { recursive: true }).filter((file) => file.endsWith('.html') && file !== '404.html')
console.log(`docs: ${pages.length} pages in docs/.vitepress/dist`)
