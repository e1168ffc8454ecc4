// A plugin that must be listed before serverless-offline. That plugin starts Python through a shell
// without quoting, which splits a path with a space or a bracket. Without the shell it works.
"use strict"
const processes = require("node:child_process")
const { syncBuiltinESMExports } = require("node:module")

const { spawn } = processes
processes.spawn = (command, args, options, ...rest) => {
  const unquoted = command === "python3" && Array.isArray(args) && options?.shell === true
  return spawn(command, args, unquoted ? { ...options, shell: false } : options, ...rest)
}
syncBuiltinESMExports()

module.exports = class WholePaths {}
