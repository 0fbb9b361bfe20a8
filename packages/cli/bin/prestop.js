#!/usr/bin/env node
// A file that is there before anything is compiled: an installation of the workspace links it.
import '../dist/bin.js';
