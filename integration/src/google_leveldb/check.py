"""Reads or writes a LevelDB folder with Google's library, every checksum verified.

Keys and values go in and out as hexadecimal text in one JSON object.
"""

import json
import sys

import plyvel

task, folder = sys.argv[1:]
database = plyvel.DB(folder, create_if_missing=task == "write", paranoid_checks=True)
if task == "write":
    for key, value in json.load(sys.stdin).items():
        database.put(bytes.fromhex(key), bytes.fromhex(value), sync=True)
    database.compact_range()
stored = database.iterator(verify_checksums=True)
json.dump({key.hex(): value.hex() for key, value in stored}, sys.stdout)
database.close()
