"""PyPI's hikvisionapi and pyHik against a simulated unit: connect, list channels, move, fetch a picture.

Arguments: host, port, name, password. Prints one JSON object.
"""

import json
import sys

from hikvisionapi import Client
from pyhik.hikvision import HikCamera


def listed(value):
    """xmltodict gives one element as itself and several as a list."""
    return value if isinstance(value, list) else [value]


def main() -> None:
    host, port, user, password = sys.argv[1:5]
    seen = {}

    client = Client(f"http://{host}:{port}", user, password, timeout=20)
    seen["model"] = client.System.deviceInfo(method="get")["DeviceInfo"]["model"]
    channels = client.Streaming.channels(method="get")["StreamingChannelList"]["StreamingChannel"]
    seen["streams"] = [channel["id"] for channel in listed(channels)]
    picture = client.Streaming.channels[101].picture(method="get", type="opaque_data")
    seen["jpeg"] = b"".join(picture.iter_content(65536))[:2].hex()
    move = "<PTZData><pan>100</pan><tilt>0</tilt></PTZData>"
    moved = client.PTZCtrl.channels[1].continuous(method="put", data=move)
    seen["moved"] = moved["ResponseStatus"]["statusString"]
    presets = client.PTZCtrl.channels[1].presets(method="get")["PTZPresetList"]["PTZPreset"]
    seen["presets"] = [one["presetName"] for one in listed(presets) if one["enabled"] == "true"]

    camera = HikCamera(f"http://{host}", port=int(port), usr=user, pwd=password)
    seen["name"] = camera.get_name
    seen["id"] = camera.get_id
    seen["kind"] = camera.get_type
    seen["sensors"] = {name: len(channels) for name, channels in (camera.current_event_states or {}).items()}
    print(json.dumps(seen))


main()
