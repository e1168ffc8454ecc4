// Loaded before serverless-offline, which starts its Python through a shell without quoting:
// a path with a space or a bracket would be torn apart. Started without the shell it stays whole.
"use strict"
const processes = require("node:child_process")
const { syncBuiltinESMExports } = require("node:module")

const { spawn } = processes
processes.spawn = (command, args, options, ...rest) => {
  const unquoted = command === "python3" && Array.isArray(args) && options?.shell === true
  return spawn(command, args, unquoted ? { ...options, shell: false } : options, ...rest)
}
syncBuiltinESMExports()
