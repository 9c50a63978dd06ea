"""PyPI's amcrest against a simulated unit: connect, list channels, move, fetch a picture.

Arguments: host, port, name, password. Prints one JSON object.
"""

import json
import sys

from amcrest import AmcrestCamera


def main() -> None:
    host, port, user, password = sys.argv[1:5]
    camera = AmcrestCamera(host, int(port), user, password).camera
    seen = {
        "name": camera.machine_name.strip(),
        "serial": camera.serial_number.strip(),
        "kind": camera.device_type.strip(),
        "version": camera.software_information[0].strip(),
        "titles": camera.video_channel_title.strip(),
        "channels": camera.encode_media.count("MainFormat[0].Video.Compression"),
        "jpeg": camera.snapshot(channel=1).data[:2].hex(),
        "presets": camera.ptz_presets_list(channel=1).count("Name="),
    }
    seen["moved"] = camera.ptz_control_command(
        action="start", code="Right", arg1=0, arg2=8, arg3=0, channel=1
    )
    print(json.dumps(seen))


main()
