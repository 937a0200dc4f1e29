// What a view shows, part by part, in one message: each part that is named gets its value.
watch('value', () => Object.entries(JSON.parse(props.value || '{}')).forEach(([part, value]) => window.emovizParts.send(part, value)));
