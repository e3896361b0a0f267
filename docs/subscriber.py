#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Prints what a probe or a collector publishes: subscriber.py ENDPOINT [TOPIC...]
import sys
import zmq

socket = zmq.Context().socket(zmq.SUB)
for topic in sys.argv[2:] or [""]:
    socket.subscribe(topic)
socket.connect(sys.argv[1])
while True:
    topic, message = socket.recv_multipart()
    print(topic.decode(), message.decode(), flush=True)
